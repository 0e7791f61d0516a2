extends RefCounted
## The questions of the quiz: each with its right answer, then three wrong ones.

const ALL: Array[Array] = [
	["How many hearts does an octopus have?", "3", "1", "2", "8"],
	["Which planet has the shortest day?", "Jupiter", "Mercury", "Earth", "Mars"],
	["How many bits are in an IPv6 address?", "128", "32", "48", "64"],
	["Which animal has cube-shaped droppings?", "Wombat", "Rabbit", "Goat", "Horse"],
	["What is the most common gas in the air?", "Nitrogen", "Oxygen", "Carbon dioxide", "Argon"],
	["Which of these is a berry?", "Banana", "Strawberry", "Raspberry", "Cherry"],
	["How many keys does a usual piano have?", "88", "64", "76", "96"],
	["Which metal is liquid at room temperature?", "Mercury", "Lead", "Zinc", "Tin"],
	["Where does light travel fastest?", "In space", "In air", "In water", "In glass"],
	["How many squares are on a chessboard's side?", "8", "6", "10", "12"],
	["Which ocean is the largest?", "Pacific", "Atlantic", "Indian", "Arctic"],
	["Which port does plain HTTP use?", "80", "21", "25", "443"],
	["How many sides do the cells of a honeycomb have?", "6", "4", "5", "8"],
	["What colour is a polar bear's skin?", "Black", "White", "Pink", "Grey"],
	["Which of these is the longest river?", "Nile", "Danube", "Rhine", "Thames"],
	["Which bird can fly backwards?", "Hummingbird", "Owl", "Swan", "Penguin"],
]
